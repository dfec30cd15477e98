"""Label Studio: tasks with annotations, the regions they hold, its code for brushes."""
