// Package signature computes version 1.0 signatures of the RPC OpenAPI, written
// from the published description and independent of the SDK.
package signature

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
)

// Parameter is the name of the parameter that carries the signature; it is the
// only one that is not signed.
const Parameter = "Signature"

const upperHex = "0123456789ABCDEF"

// Encode percent-encodes s as RFC 3986 has it: letters, digits and "-_.~" stay,
// every other byte becomes %XX in upper case.
func Encode(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/4)
	encodeTo(&b, s)
	return b.String()
}

func encodeTo(b *strings.Builder, s string) {
	for i := range len(s) {
		c := s[i]
		if unreserved(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&15])
	}
}

func unreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	default:
		return c == '-' || c == '_' || c == '.' || c == '~'
	}
}

// StringToSign is the text that client and server sign: the method, the encoded
// path and the encoded canonical query of all parameters but the signature.
func StringToSign(method string, params map[string]string) string {
	names := make([]string, 0, len(params))
	for name := range params {
		if name != Parameter {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var query strings.Builder
	for i, name := range names {
		if i > 0 {
			query.WriteByte('&')
		}
		encodeTo(&query, name)
		query.WriteByte('=')
		encodeTo(&query, params[name])
	}
	return method + "&%2F&" + Encode(query.String())
}

// Sign returns the base64 signature of a string to sign under an access key secret.
func Sign(secret, stringToSign string) string {
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(stringToSign))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Valid says whether the given signature is the right one, in constant time.
func Valid(secret, stringToSign, given string) bool {
	return subtle.ConstantTimeCompare([]byte(Sign(secret, stringToSign)), []byte(given)) == 1
}
