package audit

// RunInSmallChunks is Run with chunks smaller by a divisor.
var RunInSmallChunks = run
