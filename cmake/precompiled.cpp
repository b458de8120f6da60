// The precompiled header is compiled with this file.
