"""The formats of a release: one module each, with one function ``write(material, folder, parameters)``."""
