package transport

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/kube-aliyun/kube-aliyun/pkg/aliyun/credentials"
)

const (
	redacted      = "[redacted]"
	maxTextLength = 1000
)

// The names under which secrets travel in a signed URL, and their values up to
// the next parameter, plain or escaped once or twice.
var secretParameter = regexp.MustCompile(
	`(?i)(AccessKeyId|AccessKeySecret|SecurityToken|Signature|SignatureNonce)((?:=|%3D|%253D))[^&\s"'<>]*?(&|%26|%2526|[\s"'<>]|$)`)

// signatureText is how the gateway begins to quote the string that it signed,
// which holds the key id and the token.
var signatureText = regexp.MustCompile(`(?i)(server )?string to sign is.*`)

// redact returns text without the secrets of c, without signed URLs, and short
// enough for an event.
func redact(text string, c credentials.Credentials) string {
	for _, secret := range []string{c.AccessKeySecret, c.SecurityToken, c.AccessKeyID} {
		if secret == "" {
			continue
		}
		once := url.QueryEscape(secret)
		for _, form := range []string{url.QueryEscape(once), once, secret} {
			text = strings.ReplaceAll(text, form, redacted)
		}
	}
	text = secretParameter.ReplaceAllString(text, "${1}${2}"+redacted+"${3}")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	text = signatureText.ReplaceAllString(text, "(string to sign removed)")
	if len(text) > maxTextLength {
		text = strings.ToValidUTF8(text[:maxTextLength], "") + "…"
	}
	return strings.TrimSpace(text)
}

// redactedError keeps a cause for errors.Is and errors.As while its text is clean.
type redactedError struct {
	text  string
	cause error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.cause }

// cleanCause returns err without the signed URL that net/http wraps around it.
// The URL error itself is dropped from the chain: whoever unwraps must not find it.
func cleanCause(err error, c credentials.Credentials) error {
	for {
		wrapped, ok := errors.AsType[*url.Error](err)
		if !ok {
			break
		}
		err = wrapped.Err
	}
	text := redact(err.Error(), c)
	if text == err.Error() {
		return err
	}
	root := err
	for next := errors.Unwrap(root); next != nil; next = errors.Unwrap(root) {
		root = next
	}
	if redact(root.Error(), c) != root.Error() {
		root = nil
	}
	return &redactedError{text: text, cause: root}
}
