package client

import (
	"net/url"
	"testing"
)

func TestIsDirect(t *testing.T) {
	for _, tt := range []struct {
		address, list string
		want          bool
	}{
		{"https://console.example.com:8083", "", false},
		{"https://console.example.com:8083", "*", true},
		{"https://console.example.com:8083", "console.example.com", true},
		{"https://Console.example.com.:8083", "CONSOLE.example.com", true},
		{"https://console.example.com:8083", "other, example.com ,", true},
		{"https://console.example.com:8083", ".example.com", true},
		{"https://console.example.com:8083", "*.example.com", true},
		{"https://console.example.com:8083", "sole.example.com", false},
		{"https://console.example.com:8083", "console.example.com:8083", true},
		{"https://console.example.com:8083", "console.example.com:443", false},
		{"https://console.example.com", "console.example.com:443", true},
		{"http://localhost", "localhost:80", true},
		{"https://10.1.2.3:8083", "10.0.0.0/8", true},
		{"https://10.1.2.3:8083", "10.1.2.3", true},
		{"https://10.1.2.3:8083", "2.3", false},
		{"https://11.1.2.3:8083", "10.0.0.0/8,192.168.0.0/16", false},
		{"https://[2001:db8::1]:8083", "2001:db8::/32", true},
		{"https://[2001:db8::1]:8083", "[2001:db8::1]", true},
		{"https://[2001:db8::1]:8083", "[2001:db8::1]:8083", true},
		{"https://console.example.com", ",, ,:443,.", false},
	} {
		u, err := url.Parse(tt.address)
		if err != nil {
			t.Fatal(err)
		}
		if got := isDirect(u, tt.list); got != tt.want {
			t.Errorf("%s without the proxy of %q: %v", tt.address, tt.list, got)
		}
	}
}

func FuzzIsDirect(f *testing.F) {
	f.Add("https://console:8083", "a,b:1,[::1]:2,10.0.0.0/8,*")
	f.Fuzz(func(t *testing.T, address, list string) {
		u, err := url.Parse(address)
		if err != nil {
			return
		}
		if isDirect(u, "") || !isDirect(u, list+",*") {
			t.Errorf("%q %q", address, list)
		}
	})
}
