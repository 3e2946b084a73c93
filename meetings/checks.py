"""What is wrong with the set-up of this app, if anything."""
