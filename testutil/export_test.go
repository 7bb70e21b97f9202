package testutil

// AcceptAll is acceptAll.
var AcceptAll = acceptAll
