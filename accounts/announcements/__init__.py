"""What the operator tells all members: a line above home until each has read it, and a notification. Also announces new rules."""
