package apierror

// Classify says what an answer means. message is looked at only where the
// product uses one code for opposite meanings. status is the HTTP status; 200
// for an item inside a successful answer.
func Classify(product, action, code, message string, status int) Kind {
	_, _, _, _, _ = product, action, code, message, status
	return Unknown
}
