// The backend of the page that `mnistgan play` serves: the server draws all pictures.

async function load(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

globalThis.backend = {
  trouble: "No answer. Is mnistgan play still running? If not, start it again and reload this page.",
  about: async () => (await fetch("/about")).json(),
  point: async (query) => (await fetch(`/point?${query}`)).json(),
  image: (query) => load(`/image?${query}`),
  saved: (query) => `/image?${query}`,
};
