package program

import (
	"net/url"
	"strings"
)

// ReferralURL is a website's address with the referral key merged into its query under the program's parameter.
func ReferralURL(website, parameter, key string) string {
	u, err := url.Parse(website)
	if err != nil {
		u = &url.URL{}
	}
	kept := make([]string, 0, 4)
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if pair != "" && name != parameter {
			kept = append(kept, pair)
		}
	}
	u.RawQuery = strings.Join(append(kept, parameter+"="+url.QueryEscape(key)), "&")
	return u.String()
}
