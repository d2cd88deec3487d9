"""What goes out by SOAP and queue: outcomes, subscribers' news, and where it may go."""
