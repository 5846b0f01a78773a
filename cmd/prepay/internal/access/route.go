package access

// Route is a route with the decision who may use it.
type Route struct {
	// Method is GET, POST and so on.
	Method string
	// Path is the pattern, with parameters in braces.
	Path string
	Rule Rule
}
