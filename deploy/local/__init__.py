"""The local stack: real Kafka, HDFS and PostgreSQL on loopback ports, with no docker."""
