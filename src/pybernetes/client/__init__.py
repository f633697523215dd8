"""An asynchronous client, informers, work queues and an event recorder."""
