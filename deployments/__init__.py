"""What a Prefect server needs to know about this project, and a local stack to try it on."""
