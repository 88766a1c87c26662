package api

import (
	"maps"
	"net/http"
	"time"
)

// maxClientToken is the longest ClientToken the vendor takes.
const maxClientToken = 64

// ClientTokens remembers the answers given for client tokens. A token belongs to
// an account, an action and a region. The zero value is ready; it is part of a
// product's dump.
type ClientTokens struct {
	Answers map[string]TokenAnswer `json:"answers,omitempty"`
	// next is the earliest expiry, so that Prune mostly costs a comparison.
	next time.Time
}

// TokenAnswer is what one token stands for.
type TokenAnswer struct {
	Fingerprint string `json:"fingerprint"`
	Reply       Reply  `json:"reply"`
	// Processing is when the reply to the first request goes out.
	Processing time.Time `json:"processing"`
	Expires    time.Time `json:"expires"`
}

// Replay returns the answer that the request's token already got; false when the
// request has no token or a new one. The same token with other parameters is
// IdempotentParameterMismatch; while the first request's reply is still on its
// way it is LastTokenProcessing. status is the HTTP status that the product gives both.
func (t *ClientTokens) Replay(c *Call, status int) (Reply, bool, *Error) {
	token := c.Params["ClientToken"]
	if token == "" {
		return nil, false, nil
	}
	if len(token) > maxClientToken || !ascii(token) {
		return nil, false, Errorf(http.StatusBadRequest, "InvalidClientToken.Malformed", "The specified ClientToken is invalid.")
	}
	answer, ok := t.Answers[tokenKey(c)]
	if !ok || !c.Now.Before(answer.Expires) {
		return nil, false, nil
	}
	if answer.Fingerprint != c.Params.Fingerprint() {
		return nil, false, Errorf(status, "IdempotentParameterMismatch",
			"The specified ClientToken was used by a request with other parameters.")
	}
	if c.Now.Before(answer.Processing) {
		return nil, false, Errorf(status, "LastTokenProcessing", "The last token request is processing.")
	}
	return maps.Clone(answer.Reply), true, nil
}

// Keep remembers a success for the request's token, when it has one.
func (t *ClientTokens) Keep(c *Call, reply Reply, retention time.Duration) {
	if c.Params["ClientToken"] == "" {
		return
	}
	if t.Answers == nil {
		t.Answers = map[string]TokenAnswer{}
	}
	expires := c.Now.Add(retention)
	t.Answers[tokenKey(c)] = TokenAnswer{
		Fingerprint: c.Params.Fingerprint(),
		Reply:       maps.Clone(reply),
		Processing:  c.Now.Add(c.Latency),
		Expires:     expires,
	}
	if t.next.IsZero() || expires.Before(t.next) {
		t.next = expires
	}
}

// Prune forgets what has expired.
func (t *ClientTokens) Prune(now time.Time) {
	if now.Before(t.next) || len(t.Answers) == 0 {
		return
	}
	t.next = time.Time{}
	for key, answer := range t.Answers {
		switch {
		case !now.Before(answer.Expires):
			delete(t.Answers, key)
		case t.next.IsZero() || answer.Expires.Before(t.next):
			t.next = answer.Expires
		}
	}
}

func tokenKey(c *Call) string {
	return c.Account + "/" + c.RegionID + "/" + c.Action + "/" + c.Params["ClientToken"]
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
