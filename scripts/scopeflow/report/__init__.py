"""The report of a session: one page that needs neither server nor network.

A module for each section gives its words, tables and figures from arrays; `page` puts them
into one file. What is shown is made small by `packing` and `pictures`.
"""
