package util // want layout
