"""What this app does when it hears news."""
