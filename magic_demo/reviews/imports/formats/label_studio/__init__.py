"""Label Studio's JSON export: tasks with annotations, and the regions they hold."""
