"""The same job done by this project and by its peers, against one endpoint of known latency and capacity."""
