// Addresses of our API, as scripts of a page may ask them.

/** The address of a download whose answer has the bytes itself: the policy of our pages lets scripts ask no other host. */
export function bytesHere(href: string): string {
  return `${href}${href.includes('?') ? '&' : '?'}redirect=false`;
}
