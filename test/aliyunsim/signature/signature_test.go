package signature

import (
	"net/url"
	"strings"
	"testing"
)

// The vector that the vendor publishes with the description of the algorithm.
func published() map[string]string {
	return map[string]string{
		"AccessKeyId":      "testid",
		"Action":           "DescribeRegions",
		"Format":           "XML",
		"SignatureMethod":  "HMAC-SHA1",
		"SignatureNonce":   "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
		"SignatureVersion": "1.0",
		"Timestamp":        "2016-02-23T12:46:24Z",
		"Version":          "2014-05-26",
	}
}

func TestPublishedVectorIsReproduced(t *testing.T) {
	const want = "OLeaidS1JvxuMvnyHOwuJ+uX5qY="
	if got := Sign("testsecret", StringToSign("GET", published())); got != want {
		t.Fatalf("signature %q, want %q", got, want)
	}
}

func TestMethodIsPartOfTheSignature(t *testing.T) {
	sig := Sign("testsecret", StringToSign("GET", published()))
	if Valid("testsecret", StringToSign("POST", published()), sig) {
		t.Fatal("a signature for GET is valid for POST")
	}
}

func TestEmptyValueIsSignedWhenPresent(t *testing.T) {
	params := published()
	without := StringToSign("GET", params)
	params["SignatureType"] = ""
	if with := StringToSign("GET", params); with == without || !strings.Contains(with, "SignatureType%3D%26") {
		t.Fatalf("string to sign lacks the empty SignatureType: %s", with)
	}
}

func TestSignatureItselfIsNotSigned(t *testing.T) {
	params := published()
	without := StringToSign("GET", params)
	params[Parameter] = "anything"
	if got := StringToSign("GET", params); got != without {
		t.Fatalf("string to sign changed to %s", got)
	}
}

func TestEncode(t *testing.T) {
	for in, want := range map[string]string{
		"aZ09-_.~":   "aZ09-_.~",
		" *+/":       "%20%2A%2B%2F",
		"a=b&c":      "a%3Db%26c",
		"中":          "%E4%B8%AD",
		"\x00\xff":   "%00%FF",
		"{\"k\":[]}": "%7B%22k%22%3A%5B%5D%7D",
	} {
		if got := Encode(in); got != want {
			t.Errorf("Encode(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzEncodeIsReversible(f *testing.F) {
	f.Add("a b*~/+%")
	f.Add("中\x00")
	f.Fuzz(func(t *testing.T, s string) {
		back, err := url.QueryUnescape(Encode(s))
		if err != nil || back != s {
			t.Fatalf("Encode(%q) decodes to %q, %v", s, back, err)
		}
	})
}
