"""CronJobs: a Job whenever the schedule says so."""
