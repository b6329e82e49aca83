"""Which cells of several sessions are the same: rule ``cross_register``.

`pictures` makes an image of each session's field, `align` finds the transforms onto one of
them, `transforms` applies these to footprints. `pairs` compares the footprints of any two
sessions, `probability` tells how likely two are the same cell, `matching` pairs them and
`groups` joins the pairs over all sessions. `control` asks how many pairs chance would make,
`truth` compares with what is known of simulated sessions.
"""
