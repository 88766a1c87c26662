package providerid

import (
	"errors"
	"strings"
	"testing"
)

func TestParseAcceptsTheDocumentedForms(t *testing.T) {
	for _, id := range []string{
		"cn-hangzhou.i-bp1abcdefghijklmn",
		"alicloud://cn-hangzhou.i-bp1abcdefghijklmn",
		"aliyun://cn-hangzhou.i-bp1abcdefghijklmn",
	} {
		region, server, err := Parse(id)
		if err != nil || region != "cn-hangzhou" || server != "i-bp1abcdefghijklmn" {
			t.Errorf("Parse(%q) = %q, %q, %v", id, region, server, err)
		}
	}
}

func TestParseRefusesEverythingElse(t *testing.T) {
	for _, id := range []string{
		"",
		".",
		"cn-hangzhou",
		"cn-hangzhou.",
		"cn-hangzhou.i-",
		"cn-hangzhou.i-a.b",
		"cn-hangzhou.i-a b",
		"cn-hangzhou.e01-cn-x",
		"cn-hangzhou-.i-a",
		".i-bp1",
		"hangzhou.i-bp1",
		"CN-hangzhou.i-bp1",
		"i-bp1",
		"ack-hybrid://cn-hangzhou.i-bp1",
		"alicloud:///cn-hangzhou/i-bp1",
		"alicloud://aliyun://cn-hangzhou.i-bp1",
		"aws:///us-east-1a/i-0123",
		"kind://docker/kind/worker",
		"cn-hangzhou.i-" + strings.Repeat("a", 100),
		strings.Repeat("a-", 100) + "b.i-bp1",
	} {
		region, server, err := Parse(id)
		if !errors.Is(err, ErrForeign) || region != "" || server != "" {
			t.Errorf("Parse(%q) = %q, %q, %v; want ErrForeign", id, region, server, err)
		}
	}
}

func TestIsOursComparesTheRegion(t *testing.T) {
	if !IsOurs("aliyun://cn-hangzhou.i-bp1", "cn-hangzhou") {
		t.Error("a server of the region is not ours")
	}
	if IsOurs("cn-beijing.i-bp1", "cn-hangzhou") {
		t.Error("a server of another region is ours")
	}
	if IsOurs("", "") {
		t.Error("an empty provider ID is ours")
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("cn-hangzhou.i-bp1abc")
	f.Add("alicloud://ap-southeast-1.i-t4n0123456789")
	f.Add("aliyun://.i-")
	f.Add("aws:///eu-west-1a/i-0")
	f.Fuzz(func(t *testing.T, id string) {
		region, server, err := Parse(id)
		if err != nil {
			if !errors.Is(err, ErrForeign) {
				t.Fatalf("Parse(%q): %v", id, err)
			}
			return
		}
		written := Format(region, server)
		again, same, err := Parse(written)
		if err != nil || again != region || same != server {
			t.Fatalf("%q was read as %q, %q and written as %q, which is read as %q, %q, %v",
				id, region, server, written, again, same, err)
		}
		if !strings.HasSuffix(id, written) {
			t.Fatalf("%q was written as %q", id, written)
		}
	})
}
