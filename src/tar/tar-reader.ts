import {
  FLAG,
  type HeaderBlock,
  isZeroBlock,
  readLongName,
  readMember,
  readSize,
  verifyChecksum,
} from './header-block.ts';
import { BLOCK, MAX_PAX_BYTES, padding, type TarMember, tarError } from './member.ts';
import { asBuffer } from './path-text.ts';
import { type PaxOverrides, parsePaxRecords } from './pax-read.ts';

/**
 * What a reader calls, synchronously, in the order of the archive: `onMember`, then `onData` for each piece of the data of
 * a file that is not empty, then `onMemberEnd`. What they throw comes out of `push`.
 */
export type TarHandler = {
  /** `offset` is where its data begins in the uncompressed archive. */
  onMember(member: TarMember & { readonly offset: number }): void;
  /** A view of the chunk that was pushed: copy what has to live longer. */
  onData(piece: Uint8Array): void;
  onMemberEnd(): void;
};

/** A header whose body has yet to come: PAX or a GNU long name. */
type Extension = { readonly flag: number; readonly body: Buffer; readonly offset: number; filled: number };

/**
 * Reads an uncompressed tar archive from chunks of any size: v7, ustar, PAX, and GNU's long names and big numbers.
 * Memory is bounded by 1 MiB (the largest PAX header) whatever the archive says. What follows the end of
 * the archive is ignored, and so is a missing end, as in GNU tar and Go.
 *
 * Errors, from `push` and `end`: LapidaryError TAR_INVALID with offset and name of the member; ARCHIVE_UNSUPPORTED for
 * sparse files and unknown types. After an error the reader must not be used again.
 */
export class TarReader {
  readonly #handler: TarHandler;
  /** Offset in the archive of the chunk being read. */
  #base = 0;
  /** Bytes of the current member's data yet to come, and the padding after it. */
  #left = 0;
  #skip = 0;
  #current: string | undefined;
  /** The beginning of a header block that is split over chunks. */
  readonly #held: Buffer = Buffer.alloc(BLOCK);
  #heldBytes = 0;
  #extension: Extension | undefined;
  #pax: PaxOverrides | undefined;
  #globalPax: PaxOverrides | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;
  #zeroBlocks = 0;

  constructor(handler: TarHandler) {
    this.#handler = handler;
  }

  push(chunk: Uint8Array): void {
    const buffer = asBuffer(chunk);
    let at = 0;
    while (at < buffer.length && this.#zeroBlocks < 2) {
      if (this.#left > 0) at = this.#readData(buffer, at);
      else if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, buffer.length - at);
        this.#skip -= skipped;
        at += skipped;
      } else if (this.#extension) at = this.#readExtension(this.#extension, buffer, at);
      else if (this.#heldBytes > 0 || buffer.length - at < BLOCK) at = this.#holdBlock(buffer, at);
      else {
        this.#readBlock({ buffer, start: at, offset: this.#base + at });
        at += BLOCK;
      }
    }
    this.#base += buffer.length;
  }

  /** Says that no more chunks come. @throws LapidaryError TAR_INVALID when the archive is cut off */
  end(): void {
    const offset = this.#base;
    if (this.#left > 0) throw tarError(`the archive ends ${this.#left} bytes early`, this.#place(offset));
    if (this.#zeroBlocks > 0) return;
    const awaited = [this.#extension, this.#pax, this.#longName, this.#longLink];
    if (this.#heldBytes === 0 && awaited.every((part) => part === undefined)) return;
    throw tarError('the archive ends inside of a header', { offset });
  }

  #place(offset: number): { offset: number; name?: string } {
    return this.#current === undefined ? { offset } : { offset, name: this.#current };
  }

  #readData(buffer: Buffer, at: number): number {
    const end = Math.min(buffer.length, at + this.#left);
    this.#left -= end - at;
    this.#handler.onData(buffer.subarray(at, end));
    if (this.#left === 0) this.#handler.onMemberEnd();
    return end;
  }

  #holdBlock(buffer: Buffer, at: number): number {
    const end = Math.min(buffer.length, at + BLOCK - this.#heldBytes);
    buffer.copy(this.#held, this.#heldBytes, at, end);
    this.#heldBytes += end - at;
    if (this.#heldBytes === BLOCK) {
      this.#heldBytes = 0;
      this.#readBlock({ buffer: this.#held, start: 0, offset: this.#base + end - BLOCK });
    }
    return end;
  }

  #readBlock(block: HeaderBlock): void {
    if (block.buffer[block.start] === 0 && isZeroBlock(block.buffer, block.start)) {
      this.#zeroBlocks++;
      return;
    }
    if (this.#zeroBlocks > 0)
      throw tarError('a header after a single zero block', { offset: block.offset - BLOCK });
    verifyChecksum(block);
    const flag = block.buffer[block.start + 156] ?? 0;
    switch (flag) {
      case FLAG.pax:
      case FLAG.globalPax:
      case FLAG.longName:
      case FLAG.longLink:
        this.#startExtension(block, flag);
        return;
      case FLAG.volumeLabel:
        return;
      default:
        this.#startMember(block);
    }
  }

  #startMember(block: HeaderBlock): void {
    const member = readMember(block, {
      globalPax: this.#globalPax,
      pax: this.#pax,
      longName: this.#longName,
      longLink: this.#longLink,
    });
    this.#pax = this.#longName = this.#longLink = undefined;
    this.#current = member.path;
    this.#left = member.size;
    this.#skip = padding(member.size);
    this.#handler.onMember(member);
    if (member.size === 0) this.#handler.onMemberEnd();
  }

  #startExtension(block: HeaderBlock, flag: number): void {
    const size = readSize(block);
    if (size > MAX_PAX_BYTES) {
      throw tarError(`a header of ${size} bytes, more than ${MAX_PAX_BYTES}`, { offset: block.offset });
    }
    this.#skip = 0;
    this.#extension = { flag, body: Buffer.alloc(size), offset: block.offset, filled: 0 };
    if (size === 0) this.#finishExtension(this.#extension);
  }

  #readExtension(extension: Extension, buffer: Buffer, at: number): number {
    const end = Math.min(buffer.length, at + extension.body.length - extension.filled);
    buffer.copy(extension.body, extension.filled, at, end);
    extension.filled += end - at;
    if (extension.filled === extension.body.length) this.#finishExtension(extension);
    return end;
  }

  #finishExtension({ flag, body, offset }: Extension): void {
    this.#extension = undefined;
    this.#skip = padding(body.length);
    if (flag === FLAG.longName) this.#longName = readLongName(body, offset);
    else if (flag === FLAG.longLink) this.#longLink = readLongName(body, offset);
    else if (flag === FLAG.pax) this.#pax = parsePaxRecords(body, offset);
    else this.#mergeGlobal(parsePaxRecords(body, offset), offset);
  }

  /** Global records hold for all that follows, so one that names or sizes a single member makes no sense. */
  #mergeGlobal(records: PaxOverrides, offset: number): void {
    const { path, link, size, sparse } = records;
    if ([path, link, size, sparse].some((value) => value !== undefined)) {
      throw tarError('a global PAX header that names or sizes a single member', { offset });
    }
    this.#globalPax = { ...this.#globalPax, ...records };
  }
}
