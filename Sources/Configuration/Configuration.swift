// The first commit lays out the folders; this module is written next.
