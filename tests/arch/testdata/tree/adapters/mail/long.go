package mail // want short-files

// Line 1 of a file that is one line too long.

// Line 2 of a file that is one line too long.

// Line 3 of a file that is one line too long.

// Line 4 of a file that is one line too long.

// Line 5 of a file that is one line too long.

// Line 6 of a file that is one line too long.

// Line 7 of a file that is one line too long.

// Line 8 of a file that is one line too long.

// Line 9 of a file that is one line too long.

// Line 10 of a file that is one line too long.

// Line 11 of a file that is one line too long.

// Line 12 of a file that is one line too long.

// Line 13 of a file that is one line too long.

// Line 14 of a file that is one line too long.

// Line 15 of a file that is one line too long.

// Line 16 of a file that is one line too long.

// Line 17 of a file that is one line too long.

// Line 18 of a file that is one line too long.

// Line 19 of a file that is one line too long.

// Line 20 of a file that is one line too long.

// Line 21 of a file that is one line too long.

// Line 22 of a file that is one line too long.

// Line 23 of a file that is one line too long.

// Line 24 of a file that is one line too long.

// Line 25 of a file that is one line too long.

// Line 26 of a file that is one line too long.

// Line 27 of a file that is one line too long.

// Line 28 of a file that is one line too long.

// Line 29 of a file that is one line too long.

// Line 30 of a file that is one line too long.

// Line 31 of a file that is one line too long.

// Line 32 of a file that is one line too long.

// Line 33 of a file that is one line too long.

// Line 34 of a file that is one line too long.

// Line 35 of a file that is one line too long.

// Line 36 of a file that is one line too long.

// Line 37 of a file that is one line too long.

// Line 38 of a file that is one line too long.

// Line 39 of a file that is one line too long.

// Line 40 of a file that is one line too long.

// Line 41 of a file that is one line too long.

// Line 42 of a file that is one line too long.

// Line 43 of a file that is one line too long.

// Line 44 of a file that is one line too long.

// Line 45 of a file that is one line too long.

// Line 46 of a file that is one line too long.

// Line 47 of a file that is one line too long.

// Line 48 of a file that is one line too long.

// Line 49 of a file that is one line too long.

// Line 50 of a file that is one line too long.

// Line 51 of a file that is one line too long.

// Line 52 of a file that is one line too long.

// Line 53 of a file that is one line too long.

// Line 54 of a file that is one line too long.

// Line 55 of a file that is one line too long.

// Line 56 of a file that is one line too long.

// Line 57 of a file that is one line too long.

// Line 58 of a file that is one line too long.

// Line 59 of a file that is one line too long.

// Line 60 of a file that is one line too long.

// Line 61 of a file that is one line too long.

// Line 62 of a file that is one line too long.

// Line 63 of a file that is one line too long.

// Line 64 of a file that is one line too long.

// Line 65 of a file that is one line too long.

// Line 66 of a file that is one line too long.

// Line 67 of a file that is one line too long.

// Line 68 of a file that is one line too long.

// Line 69 of a file that is one line too long.

// Line 70 of a file that is one line too long.

// Line 71 of a file that is one line too long.

// Line 72 of a file that is one line too long.

// Line 73 of a file that is one line too long.

// Line 74 of a file that is one line too long.

// Line 75 of a file that is one line too long.

// Line 76 of a file that is one line too long.

// Line 77 of a file that is one line too long.

// Line 78 of a file that is one line too long.

// Line 79 of a file that is one line too long.

// Line 80 of a file that is one line too long.

// Line 81 of a file that is one line too long.

// Line 82 of a file that is one line too long.

// Line 83 of a file that is one line too long.

// Line 84 of a file that is one line too long.

// Line 85 of a file that is one line too long.

// Line 86 of a file that is one line too long.

// Line 87 of a file that is one line too long.

// Line 88 of a file that is one line too long.

// Line 89 of a file that is one line too long.

// Line 90 of a file that is one line too long.

// Line 91 of a file that is one line too long.

// Line 92 of a file that is one line too long.

// Line 93 of a file that is one line too long.

// Line 94 of a file that is one line too long.

// Line 95 of a file that is one line too long.

// Line 96 of a file that is one line too long.

// Line 97 of a file that is one line too long.

// Line 98 of a file that is one line too long.

// Line 99 of a file that is one line too long.

// Line 100 of a file that is one line too long.

// Line 101 of a file that is one line too long.

// Line 102 of a file that is one line too long.

// Line 103 of a file that is one line too long.

// Line 104 of a file that is one line too long.

// Line 105 of a file that is one line too long.

// Line 106 of a file that is one line too long.

// Line 107 of a file that is one line too long.

// Line 108 of a file that is one line too long.

// Line 109 of a file that is one line too long.

// Line 110 of a file that is one line too long.

// Line 111 of a file that is one line too long.

// Line 112 of a file that is one line too long.

// Line 113 of a file that is one line too long.

// Line 114 of a file that is one line too long.

// Line 115 of a file that is one line too long.

// Line 116 of a file that is one line too long.

// Line 117 of a file that is one line too long.

// Line 118 of a file that is one line too long.

// Line 119 of a file that is one line too long.

// Line 120 of a file that is one line too long.

// Line 121 of a file that is one line too long.

// Line 122 of a file that is one line too long.

// Line 123 of a file that is one line too long.

// Line 124 of a file that is one line too long.

// Line 125 of a file that is one line too long.

// Line 126 of a file that is one line too long.

// Line 127 of a file that is one line too long.

// Line 128 of a file that is one line too long.

// Line 129 of a file that is one line too long.

// Line 130 of a file that is one line too long.

// Line 131 of a file that is one line too long.

// Line 132 of a file that is one line too long.

// Line 133 of a file that is one line too long.

// Line 134 of a file that is one line too long.

// Line 135 of a file that is one line too long.

// Line 136 of a file that is one line too long.

// Line 137 of a file that is one line too long.

// Line 138 of a file that is one line too long.

// Line 139 of a file that is one line too long.

// Line 140 of a file that is one line too long.

// Line 141 of a file that is one line too long.

// Line 142 of a file that is one line too long.

// Line 143 of a file that is one line too long.

// Line 144 of a file that is one line too long.

// Line 145 of a file that is one line too long.

// Line 146 of a file that is one line too long.

// Line 147 of a file that is one line too long.

// Line 148 of a file that is one line too long.

// Line 149 of a file that is one line too long.

// Line 150 of a file that is one line too long.

// Line 151 of a file that is one line too long.

// Line 152 of a file that is one line too long.

// Line 153 of a file that is one line too long.

// Line 154 of a file that is one line too long.

// Line 155 of a file that is one line too long.

// Line 156 of a file that is one line too long.

// Line 157 of a file that is one line too long.

// Line 158 of a file that is one line too long.

// Line 159 of a file that is one line too long.

// Line 160 of a file that is one line too long.

// Line 161 of a file that is one line too long.

// Line 162 of a file that is one line too long.

// Line 163 of a file that is one line too long.

// Line 164 of a file that is one line too long.

// Line 165 of a file that is one line too long.

// Line 166 of a file that is one line too long.

// Line 167 of a file that is one line too long.

// Line 168 of a file that is one line too long.

// Line 169 of a file that is one line too long.

// Line 170 of a file that is one line too long.

// Line 171 of a file that is one line too long.

// Line 172 of a file that is one line too long.

// Line 173 of a file that is one line too long.

// Line 174 of a file that is one line too long.

// Line 175 of a file that is one line too long.

// Line 176 of a file that is one line too long.

// Line 177 of a file that is one line too long.

// Line 178 of a file that is one line too long.

// Line 179 of a file that is one line too long.

// Line 180 of a file that is one line too long.

// Line 181 of a file that is one line too long.

// Line 182 of a file that is one line too long.

// Line 183 of a file that is one line too long.

// Line 184 of a file that is one line too long.

// Line 185 of a file that is one line too long.

// Line 186 of a file that is one line too long.

// Line 187 of a file that is one line too long.

// Line 188 of a file that is one line too long.

// Line 189 of a file that is one line too long.

// Line 190 of a file that is one line too long.

// Line 191 of a file that is one line too long.

// Line 192 of a file that is one line too long.

// Line 193 of a file that is one line too long.

// Line 194 of a file that is one line too long.

// Line 195 of a file that is one line too long.

// Line 196 of a file that is one line too long.

// Line 197 of a file that is one line too long.

// Line 198 of a file that is one line too long.

// Line 199 of a file that is one line too long.

// Line 200 of a file that is one line too long.

// Line 201 of a file that is one line too long.

// Line 202 of a file that is one line too long.

// Line 203 of a file that is one line too long.

// Line 204 of a file that is one line too long.

// Line 205 of a file that is one line too long.

// Line 206 of a file that is one line too long.

// Line 207 of a file that is one line too long.

// Line 208 of a file that is one line too long.

// Line 209 of a file that is one line too long.

// Line 210 of a file that is one line too long.

// Line 211 of a file that is one line too long.

// Line 212 of a file that is one line too long.

// Line 213 of a file that is one line too long.

// Line 214 of a file that is one line too long.

// Line 215 of a file that is one line too long.

// Line 216 of a file that is one line too long.

// Line 217 of a file that is one line too long.

// Line 218 of a file that is one line too long.

// Line 219 of a file that is one line too long.

// Line 220 of a file that is one line too long.

// Line 221 of a file that is one line too long.

// Line 222 of a file that is one line too long.

// Line 223 of a file that is one line too long.

// Line 224 of a file that is one line too long.

// Line 225 of a file that is one line too long.

// Line 226 of a file that is one line too long.

// Line 227 of a file that is one line too long.

// Line 228 of a file that is one line too long.

// Line 229 of a file that is one line too long.

// Line 230 of a file that is one line too long.

// Line 231 of a file that is one line too long.

// Line 232 of a file that is one line too long.

// Line 233 of a file that is one line too long.

// Line 234 of a file that is one line too long.

// Line 235 of a file that is one line too long.

// Line 236 of a file that is one line too long.

// Line 237 of a file that is one line too long.

// Line 238 of a file that is one line too long.

// Line 239 of a file that is one line too long.

// Line 240 of a file that is one line too long.

// Line 241 of a file that is one line too long.

// Line 242 of a file that is one line too long.

// Line 243 of a file that is one line too long.

// Line 244 of a file that is one line too long.

// Line 245 of a file that is one line too long.

// Line 246 of a file that is one line too long.

// Line 247 of a file that is one line too long.

// Line 248 of a file that is one line too long.

// Line 249 of a file that is one line too long.

// Line 250 of a file that is one line too long.

// Line 251 of a file that is one line too long.

// Line 252 of a file that is one line too long.

// Line 253 of a file that is one line too long.

// Line 254 of a file that is one line too long.

// Line 255 of a file that is one line too long.

// Line 256 of a file that is one line too long.

// Line 257 of a file that is one line too long.

// Line 258 of a file that is one line too long.

// Line 259 of a file that is one line too long.

// Line 260 of a file that is one line too long.

// Line 261 of a file that is one line too long.

// Line 262 of a file that is one line too long.

// Line 263 of a file that is one line too long.

// Line 264 of a file that is one line too long.

// Line 265 of a file that is one line too long.

// Line 266 of a file that is one line too long.

// Line 267 of a file that is one line too long.

// Line 268 of a file that is one line too long.

// Line 269 of a file that is one line too long.

// Line 270 of a file that is one line too long.

// Line 271 of a file that is one line too long.

// Line 272 of a file that is one line too long.

// Line 273 of a file that is one line too long.

// Line 274 of a file that is one line too long.

// Line 275 of a file that is one line too long.

// Line 276 of a file that is one line too long.

// Line 277 of a file that is one line too long.

// Line 278 of a file that is one line too long.

// Line 279 of a file that is one line too long.

// Line 280 of a file that is one line too long.

// Line 281 of a file that is one line too long.

// Line 282 of a file that is one line too long.

// Line 283 of a file that is one line too long.

// Line 284 of a file that is one line too long.

// Line 285 of a file that is one line too long.

// Line 286 of a file that is one line too long.

// Line 287 of a file that is one line too long.

// Line 288 of a file that is one line too long.

// Line 289 of a file that is one line too long.

// Line 290 of a file that is one line too long.

// Line 291 of a file that is one line too long.

// Line 292 of a file that is one line too long.

// Line 293 of a file that is one line too long.

// Line 294 of a file that is one line too long.

// Line 295 of a file that is one line too long.

// Line 296 of a file that is one line too long.

// Line 297 of a file that is one line too long.

// Line 298 of a file that is one line too long.

// Line 299 of a file that is one line too long.

// Line 300 of a file that is one line too long.
