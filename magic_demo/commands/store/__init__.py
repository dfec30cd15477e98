"""Commands about a store as a whole: its readers and queues, backups, deletion, who did what."""
