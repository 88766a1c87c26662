package balance

import (
	"net/http"
	"strings"

	"github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"
)

// insertedCookie is the name of the cookie that the load balancer inserts.
const insertedCookie = "SERVERID"

// The two kinds of stickiness.
const (
	cookieInsert = "insert"
	cookieServer = "server"
)

// cookieMark parts the backend's name from the server's own value.
const cookieMark = "|"

// namedBackend is the backend's name in a request's cookies, or "".
func namedBackend(settings *network.HTTPSettings, r *http.Request) string {
	name := insertedCookie
	switch settings.Cookie {
	case cookieInsert:
	case cookieServer:
		name = settings.CookieName
	default:
		return ""
	}
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	id, _, _ := strings.Cut(cookie.Value, cookieMark)
	return id
}

// unmark gives the server its own cookie back.
func unmark(settings *network.HTTPSettings, header http.Header, id string) {
	if settings.Cookie != cookieServer || id == "" {
		return
	}
	for i, cookies := range header["Cookie"] {
		header["Cookie"][i] = strings.ReplaceAll(cookies, settings.CookieName+"="+id+cookieMark, settings.CookieName+"=")
	}
}

// mark puts the backend's name into an answer's cookies: into a new one where the
// request had none that names it, or into the server's own.
func mark(settings *network.HTTPSettings, header http.Header, asked, id string) {
	switch settings.Cookie {
	case cookieInsert:
		if asked != id {
			cookie := http.Cookie{Name: insertedCookie, Value: id, Path: "/", MaxAge: int(settings.CookieTimeout.Seconds())} // #nosec G124 -- as the real thing sets it
			header.Add("Set-Cookie", cookie.String())
		}
	case cookieServer:
		for i, cookie := range header["Set-Cookie"] {
			if value, found := strings.CutPrefix(cookie, settings.CookieName+"="); found {
				header["Set-Cookie"][i] = settings.CookieName + "=" + id + cookieMark + value
			}
		}
	}
}
