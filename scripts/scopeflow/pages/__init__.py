"""Pages that a person opens in the browser, served from the own machine."""
