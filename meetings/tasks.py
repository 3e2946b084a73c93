"""Background work of this app. Each job may run twice, in two workers, and be killed halfway."""
