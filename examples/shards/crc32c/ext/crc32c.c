#include <stddef.h>
#include <stdint.h>

/* Castagnoli's polynomial, its bits reversed. */
#define POLYNOMIAL 0x82f63b78u

uint32_t crc32c_update(uint32_t crc, const uint8_t *bytes, size_t size) {
  crc = ~crc;
  for (size_t i = 0; i < size; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (POLYNOMIAL & -(crc & 1));
  }
  return ~crc;
}
