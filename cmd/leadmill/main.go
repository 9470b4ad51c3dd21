// Command leadmill runs Leadmill without extensions.
package main

import "github.com/leadmill/leadmill"

func main() { leadmill.New().Run() }
