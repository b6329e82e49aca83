"""What a person tries out before and after a run: computed for what is looked at, no more."""
