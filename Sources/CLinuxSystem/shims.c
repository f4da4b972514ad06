// Shims.
