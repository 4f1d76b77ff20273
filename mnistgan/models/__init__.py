"""Networks, noise, devices and precision. Importing the package imports no torch."""
