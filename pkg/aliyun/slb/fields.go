package slb

// Field is the canonical name of a listener setting.
type Field string
