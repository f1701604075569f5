"""Queue of jobs for workers: Procrastinate's, in a schema of its own of the mirror's PostgreSQL."""
