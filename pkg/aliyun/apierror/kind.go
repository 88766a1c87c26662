package apierror

import "errors"

// Kind says what a failed call means to the caller, whatever the product's
// code for it is.
type Kind int

const (
	// Unknown is a refusal whose code is not in the table. It proves nothing.
	Unknown Kind = iota
	// Throttled means: refused by a rate or concurrency limit; nothing was changed.
	Throttled
	// NotFound means: the API said in so many words that the named object does not exist.
	NotFound
	// Conflict means: the object exists, and its state, its content or what depends
	// on it contradicts the request (duplicate, in use, protected, token
	// mismatch). Repeating the same request does not help; reading again does.
	Conflict
	// Busy means: another operation runs on the object; nothing was changed, and the
	// same request is expected to succeed in a moment.
	Busy
	// Denied means: authentication or authorisation failed, or the account may not.
	Denied
	// Quota means: a limit, a stock or the address space is exhausted.
	Quota
	// Invalid means: the request itself is wrong; it will never succeed as it is.
	Invalid
	// Unavailable means: no usable answer (5xx, connection failure, lost reply,
	// time-out, unreadable reply). Error.Sent tells whether it may have been executed.
	Unavailable
)

// One sentinel for each kind: errors.Is(err, ErrBusy) holds for every *Error of
// that kind, however deeply wrapped.
var (
	ErrThrottled   = errors.New("throttled")
	ErrNotFound    = errors.New("not found")
	ErrConflict    = errors.New("conflict")
	ErrBusy        = errors.New("busy")
	ErrDenied      = errors.New("denied")
	ErrQuota       = errors.New("quota exceeded")
	ErrInvalid     = errors.New("invalid request")
	ErrUnavailable = errors.New("unavailable")
)

var kinds = map[Kind]struct {
	name     string
	sentinel error
}{
	Unknown:     {name: "Unknown"},
	Throttled:   {name: "Throttled", sentinel: ErrThrottled},
	NotFound:    {name: "NotFound", sentinel: ErrNotFound},
	Conflict:    {name: "Conflict", sentinel: ErrConflict},
	Busy:        {name: "Busy", sentinel: ErrBusy},
	Denied:      {name: "Denied", sentinel: ErrDenied},
	Quota:       {name: "Quota", sentinel: ErrQuota},
	Invalid:     {name: "Invalid", sentinel: ErrInvalid},
	Unavailable: {name: "Unavailable", sentinel: ErrUnavailable},
}

// String returns the kind's name.
func (k Kind) String() string {
	if row, ok := kinds[k]; ok {
		return row.name
	}
	return "Unknown"
}
