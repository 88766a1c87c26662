package apierror

// NotOffered reports whether err says that what was to be created is not sold
// there, or not in stock: another kind or another zone may do. Nothing was made.
func NotOffered(err error) bool {
	switch CodeOf(err) {
	case "OperationDenied.NoStock", "Zone.NotOnSale",
		"InvalidDataDiskCategory.NotSupported", "InvalidDataDiskCategory.ValueNotSupported",
		"InvalidDiskCategory.NotSupported", "InvalidDiskCategory.ValueNotSupported":
		return true
	}
	return false
}

// TokenProcessing reports whether err says that an earlier call with the same
// client token has not ended yet: what it makes has to be waited for.
func TokenProcessing(err error) bool {
	switch CodeOf(err) {
	case "LastTokenProcessing", "IdempotentProcessing":
		return true
	}
	return false
}
