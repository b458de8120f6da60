// A library needs one source, also before its folder has any.
