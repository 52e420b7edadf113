"""Audio files: reading a mix of any format, writing stems, rendering."""
