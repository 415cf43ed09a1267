"""What the autoscaler shows: tables, JSON documents with their schemas, pictures. Renders what comes in ready."""
