"""What is measured against limits and peers; never part of the tests."""
