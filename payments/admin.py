"""What the admin sees of this app."""
