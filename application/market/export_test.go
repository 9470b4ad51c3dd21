package market

// WhileMasking does something while as many texts are masked as may be at once.
func WhileMasking(do func()) {
	for range cap(masking) {
		masking <- struct{}{}
	}
	do()
	for range cap(masking) {
		<-masking
	}
}
