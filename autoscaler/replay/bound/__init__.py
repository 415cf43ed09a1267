"""The clairvoyant bound: the least bill of perfect foresight that serves as much, proven; a function of service."""
