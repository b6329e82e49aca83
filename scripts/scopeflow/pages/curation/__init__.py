"""The page on which a person looks at every unit and labels it."""
