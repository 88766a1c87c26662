package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// commonParams belong to the protocol, not to the operation. They differ between
// two attempts of one request.
var commonParams = []string{
	"AccessKeyId", "Action", "BearerToken", "Format", "RegionId", "SecurityToken", "Signature",
	"SignatureMethod", "SignatureNonce", "SignatureType", "SignatureVersion", "Timestamp", "Version",
}

// pageParams say which part of an answer is wanted, not which objects.
var pageParams = []string{"NextToken", "MaxResults", "MaxResult", "PageNumber", "PageSize"}

// Fingerprint identifies the operation's own parameters; the protocol's and the
// named ones are left out.
func (p Params) Fingerprint(without ...string) string {
	h := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(p)) {
		if slices.Contains(commonParams, k) || slices.Contains(without, k) {
			continue
		}
		h.Write([]byte(k + "\x00" + p[k] + "\x00"))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Page reads PageNumber (from 1) and PageSize. A size out of range is refused, or
// clamped when clamp is set.
func (p Params) Page(defSize, maxSize int, clamp bool) (number, size int, err *Error) {
	if number, err = p.Int("PageNumber", 1); err != nil {
		return 0, 0, err
	}
	if number < 1 {
		return 0, 0, Invalid("PageNumber", p["PageNumber"])
	}
	if size, err = p.Int("PageSize", defSize); err != nil {
		return 0, 0, err
	}
	if size >= 1 && size <= maxSize {
		return number, size, nil
	}
	if !clamp {
		return 0, 0, Invalid("PageSize", p["PageSize"])
	}
	return number, min(max(size, 1), maxSize), nil
}

// PageOf cuts page number (from 1) of size out of items. A page beyond the end is empty.
func PageOf[T any](items []T, number, size int) []T {
	if len(items) == 0 || number-1 > (len(items)-1)/size {
		return nil
	}
	start := (number - 1) * size
	return items[start:min(start+size, len(items))]
}

// NextToken makes the token that continues this query after position.
func (c *Call) NextToken(position string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.query() + ":" + position))
}

// Position returns where the request's NextToken continues, empty for the first
// page. code is the product's code for a token that is malformed or was made for
// another query.
func (c *Call) Position(code string) (string, *Error) {
	token := c.Params["NextToken"]
	if token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	query, position, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok || query != c.query() {
		return "", Errorf(http.StatusBadRequest, code, "The specified NextToken is invalid.")
	}
	return position, nil
}

// query identifies what is asked for, whatever the part.
func (c *Call) query() string {
	return c.Action + "." + c.Params.Fingerprint(pageParams...)
}
